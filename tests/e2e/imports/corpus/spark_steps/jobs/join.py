print('join')
