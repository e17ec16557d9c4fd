"""DingTalk (钉钉): the calendar of api.dingtalk.com and the directory of oapi.dingtalk.com."""
